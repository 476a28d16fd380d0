// Compiles the corpus's contracts and prints {name: {abi, bytecode, code}}.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const solc = createRequire(import.meta.url)('solc');
const input = {
  language: 'Solidity',
  sources: { 'Corpus.sol': { content: readFileSync(new URL('Corpus.sol', import.meta.url), 'utf8') } },
  settings: {
    evmVersion: 'cancun',
    outputSelection: { 'Corpus.sol': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
  },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((message) => message.severity === 'error');
if (errors.length > 0) throw new Error(errors.map((message) => message.formattedMessage).join('\n'));
console.log(JSON.stringify(Object.fromEntries(Object.entries(output.contracts['Corpus.sol']).map(
  ([name, built]) => [name, { abi: built.abi, bytecode: built.evm.bytecode.object, code: built.evm.deployedBytecode.object }],
))));
