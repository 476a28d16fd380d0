// Compiles Helix and the OpenZeppelin contracts it is deployed with into ../artifacts.
//
//   node integrations/devnet/contracts/build.mjs           writes the artifacts
//   node integrations/devnet/contracts/build.mjs --check   compares them with the committed ones
//   … --artifacts FOLDER                                   another folder than ../artifacts; several are compared or
//                                                          written after one compilation
//
// The output depends on the sources and the locked npm packages alone: no paths, no metadata hash and
// no AST ids go into it, so two machines write the same bytes.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const solc = require('solc');

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    check: { type: 'boolean' },
    artifacts: { type: 'string', multiple: true, default: [join(here, '..', 'artifacts')] },
  },
});
const packageRoot = (name) => dirname(require.resolve(`${name}/package.json`));
const EIP170_LIMIT = 24_576;
const ARTIFACT_LIMIT = 400_000;

const SETTINGS = {
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: 'none', appendCBOR: false },
};
// What is deployed, by the name of its artifact.
const CONTRACTS = {
  HelixVault: 'helix/HelixVault.sol',
  HelixVaultV2: 'helix/HelixVaultV2.sol',
  HelixEngine: 'helix/HelixEngine.sol',
  HelixEngineV2: 'helix/HelixEngineV2.sol',
  HelixFeed: 'helix/HelixFeed.sol',
  HelixUSD: 'helix/HelixUSD.sol',
  Tally: 'helix/Tally.sol',
  TimelockController: '@openzeppelin/contracts/governance/TimelockController.sol',
  ERC1967Proxy: '@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol',
};
// ERC-7201 structs that solc's storage layout does not see, because no variable has their type.
const NAMESPACES = {
  HelixVault: [['helix.storage.Vault', 'helix/vault/HelixStorage.sol', 'HelixStorage', 'VaultStorage']],
  HelixVaultV2: [
    ['helix.storage.Vault', 'helix/vault/HelixStorage.sol', 'HelixStorage', 'VaultStorage'],
    ['helix.storage.VaultV2', 'helix/vault/HelixCaps.sol', 'HelixCaps', 'CapsStorage'],
  ],
};

function readSource(name) {
  if (name.startsWith('helix/')) return readFileSync(join(here, name.slice('helix/'.length)), 'utf8');
  const [scope, pkg, ...rest] = name.split('/');
  return readFileSync(join(packageRoot(`${scope}/${pkg}`), ...rest), 'utf8');
}

/** A contract a namespace, with the struct as its only variable, so that solc lays it out from slot 0. */
function probes() {
  const seen = new Map(Object.values(NAMESPACES).flat().map((entry) => [entry[0], entry]));
  return [...seen.values()].map(([namespace, source, contract, struct]) => ({
    namespace,
    source: `probe/${struct}.sol`,
    content: `// SPDX-License-Identifier: MIT\npragma solidity ^0.8.37;\nimport {${contract}} from "${source}";\n`
      + `contract Probe { ${contract}.${struct} private s; }\n`,
  }));
}

function compile() {
  const input = {
    language: 'Solidity',
    sources: {},
    settings: {
      ...SETTINGS,
      outputSelection: {
        '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object',
          'evm.deployedBytecode.immutableReferences', 'storageLayout'] },
      },
    },
  };
  for (const name of Object.values(CONTRACTS)) input.sources[name] = { content: readSource(name) };
  for (const probe of probes()) input.sources[probe.source] = { content: probe.content };
  const output = JSON.parse(solc.compile(JSON.stringify(input), {
    import: (name) => {
      try {
        return { contents: readSource(name) };
      } catch (error) {
        return { error: error.message };
      }
    },
  }));
  const messages = output.errors ?? [];
  // A warning about our own sources stops the build; those about the packages are not ours to mend.
  const serious = messages.filter((message) => (
    message.severity === 'error' || message.sourceLocation?.file.startsWith('helix/')));
  for (const message of serious) console.error(message.formattedMessage);
  if (serious.length > 0) {
    throw new Error('the contracts do not compile without warnings');
  }
  return output.contracts;
}

/** Removes AST ids, which change with any edit to any file, from a storage layout. */
function normaliseLayout(layout) {
  const clean = (type) => type.replace(/\)\d+_/g, ')_').replace(/\)\d+$/g, ')');
  const variables = (list) => list.map(({ label, offset, slot, type }) => ({ label, offset, slot, type: clean(type) }));
  const types = {};
  for (const [name, type] of Object.entries(layout.types ?? {})) {
    types[clean(name)] = {
      encoding: type.encoding,
      label: type.label,
      numberOfBytes: type.numberOfBytes,
      ...(type.base && { base: clean(type.base) }),
      ...(type.key && { key: clean(type.key) }),
      ...(type.value && { value: clean(type.value) }),
      ...(type.members && { members: variables(type.members) }),
    };
  }
  return { storage: variables(layout.storage), types };
}

/** Immutables are keyed by AST id; only where they stand matters, so they are numbered by position. */
function normaliseImmutables(references) {
  const places = Object.values(references ?? {}).map((list) => [...list].sort((a, b) => a.start - b.start));
  places.sort((a, b) => a[0].start - b[0].start);
  return Object.fromEntries(places.map((list, index) => [String(index), list]));
}

function sortKeys(value) {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sortKeys(value[key])]));
}

function artifact(contractName, sourceName, compiled) {
  const built = compiled[sourceName][contractName];
  const deployedBytecode = `0x${built.evm.deployedBytecode.object}`;
  const layout = normaliseLayout(built.storageLayout);
  layout.namespaces = {};
  for (const [namespace, , , struct] of NAMESPACES[contractName] ?? []) {
    const probe = normaliseLayout(compiled[`probe/${struct}.sol`].Probe.storageLayout);
    layout.namespaces[namespace] = { members: probe.types[probe.storage[0].type].members, types: probe.types };
  }
  return {
    contractName,
    sourceName,
    abi: built.abi,
    bytecode: `0x${built.evm.bytecode.object}`,
    deployedBytecode,
    deployedSize: (deployedBytecode.length - 2) / 2,
    immutableReferences: normaliseImmutables(built.evm.deployedBytecode.immutableReferences),
    storageLayout: layout,
  };
}

function build() {
  const compiled = compile();
  const files = new Map();
  for (const [name, source] of Object.entries(CONTRACTS)) {
    const made = artifact(name, source, compiled);
    if (made.deployedSize > EIP170_LIMIT) {
      throw new Error(`${name} is ${made.deployedSize} bytes, over the limit of ${EIP170_LIMIT}`);
    }
    const text = `${JSON.stringify(sortKeys(made), null, 1)}\n`;
    if (text.length > ARTIFACT_LIMIT) throw new Error(`${name}.json has ${text.length} characters`);
    files.set(`${name}.json`, text);
    console.log(`${name.padEnd(20)} ${String(made.deployedSize).padStart(6)} bytes`);
  }
  return files;
}

function check(files, artifacts) {
  const present = existsSync(artifacts) ? readdirSync(artifacts).filter((name) => name.endsWith('.json')) : [];
  const stale = present.filter((name) => !files.has(name));
  for (const [name, text] of files) {
    const path = join(artifacts, name);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) stale.push(name);
  }
  for (const name of stale) console.error(`differs from its source: ${shown(join(artifacts, name))}`);
  return stale.length === 0;
}

function shown(path) {
  return relative(process.cwd(), path).split(sep).join('/');
}

function write(files, artifacts) {
  mkdirSync(artifacts, { recursive: true });
  for (const name of readdirSync(artifacts)) {
    if (name.endsWith('.json') && !files.has(name)) rmSync(join(artifacts, name));
  }
  for (const [name, text] of files) writeFileSync(join(artifacts, name), text);
}

try {
  const files = build();
  for (const folder of options.artifacts) {
    if (!options.check) write(files, folder);
    else if (!check(files, folder)) process.exitCode = 1;
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
