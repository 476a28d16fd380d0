// Compiles the contracts that only tests need and prints {name: {abi, bytecode}}.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const solc = require('solc');
const input = {
  language: 'Solidity',
  sources: { 'Hostile.sol': { content: readFileSync(new URL('Hostile.sol', import.meta.url), 'utf8') } },
  settings: { evmVersion: 'cancun', outputSelection: { 'Hostile.sol': { '*': ['abi', 'evm.bytecode.object'] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input), {
  import: (name) => ({ contents: readFileSync(require.resolve(name), 'utf8') }),
}));
const errors = (output.errors ?? []).filter((message) => message.severity === 'error');
if (errors.length > 0) throw new Error(errors.map((message) => message.formattedMessage).join('\n'));
const made = Object.entries(output.contracts['Hostile.sol']);
console.log(JSON.stringify(Object.fromEntries(
  made.map(([name, built]) => [name, { abi: built.abi, bytecode: built.evm.bytecode.object }]))));
