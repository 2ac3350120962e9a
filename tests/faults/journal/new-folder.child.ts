import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';

// Makes a journal in a folder that is not there, and closes it.
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Usage: new-folder.child.ts FOLDER');
const journal = await FileJournalWriter.open(folder);
await journal.close();
