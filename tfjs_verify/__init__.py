"""Proves that a TensorFlow model says the same thing in TensorFlow.js."""
