"""Display objects in the style of scikit-learn; the only package that needs matplotlib."""

from skweak.plots.query_curve import QueryCurveDisplay

__all__ = ["QueryCurveDisplay"]
