"use strict";
// Browsers keep their own SHA-256 from pages that some of them call insecure, such as those of the file system.
function sha256(text) {
  const bytes = new TextEncoder().encode(text), length = bytes.length, primes = [], sums = [], rounds = [];
  for (let n = 2; primes.length < 64; n += 1) { if (primes.every((p) => n % p)) { primes.push(n); } }
  const part = (x) => Math.floor((x - Math.floor(x)) * 4294967296);
  primes.forEach((p, n) => { rounds.push(part(Math.cbrt(p))); if (n < 8) { sums.push(part(Math.sqrt(p))); } });
  const padded = new DataView(new ArrayBuffer((length + 72) >> 6 << 6));
  bytes.forEach((byte, n) => padded.setUint8(n, byte));
  padded.setUint8(length, 128);
  padded.setUint32(padded.byteLength - 8, Math.floor(length / 536870912));
  padded.setUint32(padded.byteLength - 4, length << 3);
  const turn = (x, n) => (x >>> n) | (x << (32 - n)), w = new Array(64);
  for (let start = 0; start < padded.byteLength; start += 64) {
    let [a, b, c, d, e, f, g, h] = sums;
    for (let n = 0; n < 64; n += 1) {
      if (n < 16) { w[n] = padded.getUint32(start + 4 * n); } else {
        const x = w[n - 15], y = w[n - 2];
        w[n] = (w[n - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + w[n - 7]
          + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10))) | 0;
      }
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + rounds[n] + w[n]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((x, n) => { sums[n] = (sums[n] + x) | 0; });
  }
  return sums.map((x) => (x >>> 0).toString(16).padStart(8, "0")).join("");
}
