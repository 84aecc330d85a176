"""Predictions as tables."""

import numpy as np

from skweak.fit.links import Documented


class Framed(Documented):
    """Mixin of estimators that return predictions as a DataFrame on request.

    scikit-learn's ``set_output`` is for transformers: what a classifier predicts goes on to scorers, searches and
    ensembles, which want arrays. Hence a method that is called where a table is wanted, and no setting.
    """

    def predict_frame(self, X, *, proba=False):
        """Return predictions as a DataFrame with the index of ``X``, if it is one.

        Parameters
        ----------
        X : array-like
            As for ``predict``.
        proba : bool, default=False
            Probabilities, a column per class, instead of labels.

        Returns
        -------
        pandas.DataFrame
            Labels have a column per label where a row has several, else the column "label".

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("predict_frame needs pandas; install it with: pip install pandas") from error
        values = np.asarray(self.predict_proba(X) if proba else self.predict(X))
        columns = self.classes_ if values.ndim == 2 else ["label"]
        return pd.DataFrame(values, index=getattr(X, "index", None) if hasattr(X, "iloc") else None, columns=columns)
