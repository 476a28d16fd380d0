// The packed browser of @sparticuz/chromium, unpacked by Node alone: node unpack.mjs <package's bin folder> <target>
import { createReadStream, createWriteStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const [from, to] = process.argv.slice(2);
for (const name of await readdir(from)) {
  if (name.endsWith(".br")) {
    const target = join(to, basename(name, ".br"));
    await pipeline(createReadStream(join(from, name)), createBrotliDecompress(), createWriteStream(target));
  }
}
