// Parses scripts of PowerShell, and says where they are none: judge.mjs FILE…
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { Parser, Language } from 'web-tree-sitter';

const require = createRequire(import.meta.url);
await Parser.init();
const grammar = require.resolve('tree-sitter-powershell/tree-sitter-powershell.wasm');
const parser = new Parser();
parser.setLanguage(await Language.load(grammar));

let bad = 0;
function walk(file, node) {
  if (node.isError || node.isMissing) {
    bad++;
    console.log(`${file}:${node.startPosition.row + 1}:${node.startPosition.column + 1}: ${node.text.slice(0, 60)}`);
  }
  for (const child of node.children) walk(file, child);
}
for (const file of process.argv.slice(2)) {
  // The grammar has param before all else; PowerShell lets using namespace stand before it.
  const text = fs.readFileSync(file, 'utf8').replace(/^using namespace [A-Za-z0-9.]+$/gm, '');
  const root = parser.parse(text).rootNode;
  if (root.namedChildCount === 0) bad++, console.log(`${file}: nothing in it`);
  walk(file, root);
}
console.log(`${process.argv.length - 2} parsed, ${bad} bad`);
process.exit(bad === 0 ? 0 : 1);
