"""The command line: ``python -m skweak audit FILE.csv --target COLUMN``."""

import argparse
import sys


def main(argv=None):
    """Run the command; return 0, 1 (share above `--check`) or 2 (bad input)."""
    parser = argparse.ArgumentParser(prog="python -m skweak")
    audit = parser.add_subparsers(dest="command", required=True).add_parser("audit", help="find wrong labels")
    audit.add_argument("file", help="a CSV file with one row per example")
    audit.add_argument("--target", required=True, help="column of the labels")
    audit.add_argument("--text", help="column of texts to judge by, instead of all columns")
    audit.add_argument("--id", help="column that names the rows; the model does not see it")
    audit.add_argument("--out", help="write the report to this HTML file")
    audit.add_argument("--check", type=float, metavar="MAX_SHARE", help="exit with 1 above this share of wrong labels")
    audit.add_argument("--corrections", metavar="COLUMN", help="column of verified labels; empty where not verified")
    audit.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        if options.check is not None and not 0 <= options.check <= 1:
            raise ValueError(f"--check must be in [0, 1], got {options.check}.")
        result = _audit(options)
        if options.out:
            result.to_html(options.out)
    except (OSError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(result)
    print(result.to_frame().head(20).to_string(index=False))
    return int(options.check is not None and result.noise_share > options.check)


def _audit(options):
    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from skweak.audit.report import audit_labels

    frame = pd.read_csv(options.file)
    for name in filter(None, (options.target, options.text, options.id, options.corrections)):
        if name not in frame:
            raise ValueError(f"{options.file} has no column {name!r}; it has {', '.join(map(str, frame))}.")
    y = frame[options.target]
    if options.corrections:
        verified = frame[options.corrections].notna()
        y = frame[options.corrections].where(verified, y).astype(y.dtype)
    if options.text:
        model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))
        X = frame[options.text].fillna("").astype(str).to_numpy()
    else:
        model, X = None, frame.drop(columns=[n for n in (options.target, options.id, options.corrections) if n])
        X = X.apply(lambda column: column if pd.api.types.is_numeric_dtype(column) else column.astype("category"))
    result = audit_labels(X, y, model, random_state=options.seed)
    if options.corrections:  # a person has looked at these rows: they are suspects no more
        result.issues = result.issues[~verified.to_numpy()[result.issues["row"]]].reset_index(drop=True)
    if options.id:
        result.issues.insert(0, options.id, frame[options.id].to_numpy()[result.issues["row"]])
    return result
