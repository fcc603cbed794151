/** Snake for TensorFlow.js: x + sin²(fx) / f, as in layers.py. */
export function register(tf) {
  class Snake extends tf.layers.Layer {
    static className = 'Snake';

    build(inputShape) {
      this.frequency = this.addWeight(
        'frequency',
        [inputShape[inputShape.length - 1]],
        'float32',
        tf.initializers.ones(),
      );
      super.build(inputShape);
    }

    call(inputs) {
      return tf.tidy(() => {
        const x = [inputs].flat()[0];
        const frequency = this.frequency.read();
        return x.add(x.mul(frequency).sin().square().div(frequency));
      });
    }

    computeOutputShape(inputShape) {
      return inputShape;
    }
  }
  tf.serialization.registerClass(Snake);
}
