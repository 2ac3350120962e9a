import './app/mantine.css';
import { createRoot } from 'react-dom/client';
import { Page } from './app/page.js';
import { settleAddress } from './ui/address.js';

const place = document.getElementById('page');
if (place === null) throw new Error('index.html has no element "page"; build the page again.');
settleAddress();
createRoot(place).render(<Page />);
