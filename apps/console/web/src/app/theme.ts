import { createTheme } from '@mantine/core';

/**
 * Colours and sizes stand in theme.css: Mantine writes none of its own into the page, so the content security policy can refuse inline
 * style elements.
 */
export const theme = createTheme({
  fontFamily: 'var(--mantine-font-family)',
  defaultRadius: 4,
  cursorType: 'pointer',
  variantColorResolver: ({ variant }) => {
    if (variant === 'filled')
      return {
        background: 'var(--ink)',
        hover: 'var(--ink-2)',
        color: 'var(--ink-on)',
        border: '1px solid transparent',
      };
    if (variant === 'default')
      return {
        background: 'var(--raised)',
        hover: 'var(--hover)',
        color: 'var(--ink)',
        border: '1px solid var(--line-strong)',
      };
    return { background: 'transparent', hover: 'var(--hover)', color: 'var(--ink)', border: '1px solid transparent' };
  },
  components: {
    Button: { vars: () => ({ root: { '--button-height': '44px', '--button-padding-x': '16px' } }) },
  },
});
