/** The op Igamma for TensorFlow.js: the regularised lower incomplete gamma function P(a, x). */

const EPSILON = 1e-12;
const LARGEST = 500;

export function register(tf) {
  tf.registerOp('Igamma', ({ inputs: [a, x] }) => {
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, x.shape);
    const [as, xs] = [a, x].map((tensor) => tf.tidy(() => tensor.broadcastTo(shape).dataSync()));
    return tf.tensor(
      Float32Array.from(xs, (value, index) => lowerGamma(as[index], value)),
      shape,
    );
  });
}

/** Below a + 1 the power series converges fast, above it the continued fraction of 1 - P. */
export function lowerGamma(a, x) {
  if (!(a > 0) || !(x >= 0)) return Number.NaN;
  if (x === 0) return 0;
  if (x === Number.POSITIVE_INFINITY) return 1;
  const scale = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? scale * series(a, x) : 1 - scale * continuedFraction(a, x);
}

function series(a, x) {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < LARGEST && term > sum * EPSILON; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** By Lentz's method. */
function continuedFraction(a, x) {
  let b = x + 1 - a;
  let c = Number.MAX_VALUE;
  let d = 1 / b;
  let result = d;
  for (let n = 1; n < LARGEST; n += 1) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    result *= c * d;
    if (Math.abs(c * d - 1) < EPSILON) break;
  }
  return result;
}

/** Stirling's series, after the recurrence has carried the argument to where it is exact. */
function logGamma(a) {
  let shifted = a;
  let product = 1;
  while (shifted < 10) {
    product *= shifted;
    shifted += 1;
  }
  const inverse = 1 / (shifted * shifted);
  const tail = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / shifted;
  return (
    (shifted - 0.5) * Math.log(shifted) -
    shifted +
    0.5 * Math.log(2 * Math.PI) +
    tail -
    Math.log(product)
  );
}
