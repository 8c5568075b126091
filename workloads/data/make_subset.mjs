// Makes the small class-balanced subsets of this folder from the full data sets.
//   node make_subset.mjs FULL_FOLDER [OUTPUT_FOLDER]
// FULL_FOLDER is what `fetch` wrote (mnist/ and cifar10/); the output folder is this script's own
// unless another is given. The first images of each class are kept, in the order of their file.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const classes = 10;

/** Positions of the first `per_class` examples of each class, ascending. */
function first_of_each_class(labels, per_class) {
  const taken = new Array(classes).fill(0);
  const chosen = [];
  labels.forEach((label, position) => {
    if (taken[label] < per_class) {
      taken[label]++;
      chosen.push(position);
    }
  });
  if (taken.some((count) => count < per_class)) {
    console.error(`make_subset: found ${taken} examples a class; needed: ${per_class} of each`);
    process.exit(1);
  }
  return chosen;
}

/** Writes a file as `gzip -9n` packs it: without name and time, so that the bytes are the same. */
function write_packed(file, content) {
  writeFileSync(file, content);
  const gzip = spawnSync('gzip', ['-9nf', file], { stdio: 'inherit' });
  if (gzip.status !== 0) {
    console.error(`make_subset: ${file}: gzip failed`);
    process.exit(1);
  }
}

const pick = (content, start, size, chosen) =>
  Buffer.concat(chosen.map((n) => content.subarray(start + n * size, start + (n + 1) * size)));

function make_mnist(from, into, part, per_class) {
  const images_name = `${part}-images-idx3-ubyte`;
  const labels_name = `${part}-labels-idx1-ubyte`;
  const images = readFileSync(join(from, images_name));
  const labels = readFileSync(join(from, labels_name));
  const chosen = first_of_each_class(labels.subarray(8), per_class);
  const write = (name, content, header, size) => {
    const head = Buffer.from(content.subarray(0, header));
    head.writeUInt32BE(chosen.length, 4); // the count stands behind the magic number
    const body = pick(content, header, size, chosen);
    write_packed(join(into, name), Buffer.concat([head, body]));
  };
  write(images_name, images, 16, 28 * 28);
  write(labels_name, labels, 8, 1);
}

function make_cifar10(from, into, name, per_class) {
  const size = 1 + 3 * 32 * 32;
  const records = readFileSync(join(from, name));
  const labels = Array.from({ length: records.length / size }, (_, n) => records[n * size]);
  const chosen = first_of_each_class(labels, per_class);
  write_packed(join(into, name), pick(records, 0, size, chosen));
}

if (process.argv.length < 3 || process.argv.length > 4) {
  console.error('usage: node make_subset.mjs FULL_FOLDER [OUTPUT_FOLDER]');
  process.exit(2);
}
const full = process.argv[2];
const output = process.argv[3] ?? dirname(fileURLToPath(import.meta.url));
const mnist = join(output, 'mnist-subset');
const cifar10 = join(output, 'cifar10-subset');
try {
  mkdirSync(mnist, { recursive: true });
  mkdirSync(cifar10, { recursive: true });
  make_mnist(join(full, 'mnist'), mnist, 'train', 500);
  make_mnist(join(full, 'mnist'), mnist, 't10k', 100);
  make_cifar10(join(full, 'cifar10'), cifar10, 'data_batch_1.bin', 60);
  make_cifar10(join(full, 'cifar10'), cifar10, 'test_batch.bin', 30);
} catch (error) {
  console.error(`make_subset: ${error.message}`); // a file that is missing or cannot be written
  process.exit(1);
}
