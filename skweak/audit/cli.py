"""The command line: ``python -m skweak audit FILE.csv --target COLUMN``."""

import argparse
import sys
import warnings
from pathlib import Path

import numpy as np


def main(argv=None):
    """Run the command; return 0, 1 (share above `--check`) or 2 (bad input)."""
    parser = argparse.ArgumentParser(prog="python -m skweak")
    audit = parser.add_subparsers(dest="command", required=True).add_parser("audit", help="find wrong labels")
    audit.add_argument("file", help="a CSV file, or a folder with a subfolder of images for each class")
    audit.add_argument("--target", help="column of the labels")
    audit.add_argument("--text", metavar="COLUMN", help="column of texts to judge by, instead of all columns")
    audit.add_argument("--features", metavar="FILE.npy", help="embeddings to judge by, one row per row of the table")
    audit.add_argument("--id", metavar="COLUMN", help="column that names the rows; the model does not see it")
    audit.add_argument("--out", metavar="FILE.html", help="write the report to this file")
    audit.add_argument("--suspects", metavar="FILE.csv", help="write the suspects, with a column 'verified' to fill in")
    audit.add_argument(
        "--corrections", metavar="FILE or COLUMN",
        help="verified labels: a file such as --suspects writes, or a column of the table, empty where not verified",
    )  # fmt: skip
    audit.add_argument(
        "--check", type=float, metavar="MAX_SHARE",
        help="exit with code 1 above this share of wrong labels, from 0 to 1",
    )  # fmt: skip
    audit.add_argument("--seed", type=int, default=0, help="seed of the folds, 0 by default")
    audit.add_argument("--jobs", type=int, help="number of folds fitted at the same time")
    options = parser.parse_args(argv)
    try:
        if options.check is not None and not 0 <= options.check <= 1:
            raise ValueError(f"--check must be in [0, 1], got {options.check}.")
        for name in ("out", "suspects"):  # before the work, not after it
            folder = Path(getattr(options, name) or ".").parent
            if not folder.is_dir():
                raise ValueError(f"--{name} {getattr(options, name)}: there is no folder {folder}; make it first.")
        result = _audit(options)
        if options.out:
            result.to_html(options.out)
        if options.suspects:
            result.to_frame().assign(verified="").to_csv(options.suspects, index=False)
    except ImportError as error:
        remedy = "The audit needs pandas: pip install pandas." if error.name == "pandas" else str(error)
        print(f"error: {remedy}", file=sys.stderr)
        return 2
    except (OSError, ValueError, TypeError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    print(result)
    print(result.to_frame().head(20).to_string(index=False))
    for sentence in (*result.next_steps, *result.notes):
        print(f"- {sentence}")
    return int(options.check is not None and result.noise_share > options.check)


def _audit(options):
    from skweak.audit.files import read_folder
    from skweak.audit.label_audit import audit_labels

    notes, names = [], None
    if Path(options.file).is_dir():
        for name in ("target", "text", "id"):
            if getattr(options, name):
                raise ValueError(f"--{name} is for tables; the subfolders of {options.file} are the classes.")
        X, y, names = read_folder(options.file)
        key, verified, kept = "file", np.full(len(y), "", dtype=object), np.arange(len(y))
        if options.corrections:
            verified = _verified(options, {"file": names, "row": kept})
    else:
        X, y, key, names, verified, kept, notes = _table(options)
    trusted = verified[kept] != ""
    y = np.where(trusted, verified[kept], y).astype(str)
    features = _features(options, len(verified))
    features = None if features is None else features[kept]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = audit_labels(
            X, y, features=features, trusted=trusted, n_jobs=options.jobs, random_state=options.seed
        )
    notes += sorted({str(one.message) for one in caught if issubclass(one.category, UserWarning)})
    result.notes[:0] = notes
    # Positions are those of the file, rows without a label included.
    for frame, columns in ((result.issues, ["row"]), (result.near_duplicates, ["row", "other"])):
        for column in columns:
            if names is not None:
                place = frame.columns.get_loc(column)
                frame.insert(place, key if column == "row" else f"other {key}", names[kept][frame[column]])
            frame[column] = kept[frame[column]]
    return result


def _table(options):
    """Return rows, labels, name of the naming column, names, verified labels, positions of the rows kept, and notes."""
    from skweak.audit.files import read_table

    frame = read_table(options.file)
    if not options.target:
        raise ValueError(f"--target is missing; name the column of the labels: {', '.join(frame)}.")
    in_table = options.corrections if options.corrections in frame else None
    roles = [name for name in (options.target, options.text, options.id, in_table) if name]
    for name in roles:
        if name not in frame:
            raise ValueError(f"{options.file} has no column {name!r}; it has {', '.join(frame)}.")
        if roles.count(name) > 1:
            raise ValueError(
                f"Column {name!r} is given twice; --target, --text, --id and --corrections take different columns."
            )
    names = frame[options.id].to_numpy() if options.id else None
    y = frame[options.target].str.strip()
    # What numpy and pandas write for a label that is not there; "NA" and "none" may be classes.
    y = y.mask(y.str.lower() == "nan", "").to_numpy(dtype=object)
    if in_table:
        verified = frame[in_table].str.strip().to_numpy(dtype=object)
    elif options.corrections:
        found = {options.id: names} if options.id else {}
        verified = _verified(options, found | {"row": np.arange(len(frame))})
    else:
        verified = np.full(len(frame), "", dtype=object)
    kept = np.flatnonzero((y != "") | (verified != ""))
    if not len(kept):
        raise ValueError(f"Column {options.target!r} is empty; give labels.")
    notes = [f"{len(y) - len(kept)} rows have no label and are left out."] if len(kept) < len(y) else []
    if options.text:
        X = frame[options.text].iloc[kept].to_numpy(dtype=object)
    else:
        X = frame.iloc[kept].drop(columns=[name for name in (options.target, options.id, in_table) if name])
        X = X.reset_index(drop=True)
        if not X.shape[1]:
            raise ValueError(f"{options.file} has no column besides the labels to judge by.")
    return X, y[kept], options.id, names, verified, kept, notes


def _verified(options, names):
    from skweak.audit.files import read_corrections

    return read_corrections(options.corrections, names, options.target)


def _features(options, n_rows):
    if not options.features:
        return None
    try:
        features = np.load(options.features, allow_pickle=False)
    except (ValueError, EOFError):
        features = None
    if not isinstance(features, np.ndarray):
        raise ValueError(f"{options.features} must be a file of numpy.save that holds one array of numbers.")
    if features.ndim < 2 or len(features) != n_rows or features.dtype.kind not in "fiub":
        raise ValueError(
            f"{options.features} must hold numbers (n, d), one row for each of the {n_rows} rows, got "
            f"{features.dtype} of shape {features.shape}."
        )
    return features
