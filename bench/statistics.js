/** What is in the middle of several samples. */

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median of each key of the samples. */
export function medians(samples) {
  return Object.fromEntries(
    Object.keys(samples[0]).map((key) => [
      key,
      median(samples.map((sample) => sample[key])),
    ]),
  );
}
