"""Hypothesis strategies for models, for use in any `@given` test.

    import tfjs_verify as tv
    from hypothesis import given

    pixels = tv.strategies.domain("float 0..1")

    @given(case=tv.strategies.cases(signature, domains={"image": pixels}))
    def test_never_negative(case):
        assert model(**case.inputs).numpy().min() >= 0

Recipes are drawn and NumPy expands them, so that even large tensors are dense, cheap, and shrink.
"""

from __future__ import annotations

from tfjs_verify.cases.domain_text import parse_domain as domain
from tfjs_verify.cases.strategies import arrays, cases

__all__ = ["arrays", "cases", "domain"]
