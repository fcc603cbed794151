/** A mistake to be caught: the upper incomplete gamma function, 1 - P, in place of the lower one. */
import { lowerGamma } from './ops.mjs';

export function register(tf) {
  tf.registerOp('Igamma', ({ inputs: [a, x] }) => {
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, x.shape);
    const [as, xs] = [a, x].map((tensor) => tf.tidy(() => tensor.broadcastTo(shape).dataSync()));
    return tf.tensor(
      Float32Array.from(xs, (value, index) => 1 - lowerGamma(as[index], value)),
      shape,
    );
  });
}
