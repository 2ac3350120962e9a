import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The operators' page. In development it asks the process that `npm run dev` started.
export default defineConfig({
  root: `${import.meta.dirname}/apps/console/web`,
  plugins: [react()],
  build: {
    outDir: '../../../dist/apps/console/static',
    emptyOutDir: true,
    target: 'es2023',
    // A font or image inside the style sheet would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One file on purpose: when the network is gone nothing can be fetched. The budget is 285 kB compressed.
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
});
