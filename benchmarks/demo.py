"""The main job: plain cross-entropy and the robust methods on the same wrong labels, a table and a figure."""

from functools import partial

import numpy as np
from tqdm.auto import tqdm

from benchmarks import data as data_sets
from benchmarks.noisy import DIGITS, IMAGES, metrics, monitored
from benchmarks.scenario import timed_fit
from skweak.noisy import AutoNoisyClassifier, CoTeachingClassifier

METHODS = ("CE", "GCE", "ELR", "Co-teaching", "DivideMix", "DPC", "BLDR")
# On a table of one's own nobody knows the share of wrong labels, and the first choice is asked as well.
OWN = DIGITS | {"Co-teaching": CoTeachingClassifier, "Auto": partial(AutoNoisyClassifier, time_limit=120)}


def add_arguments(parser):
    """Describe the options of this command."""
    parser.add_argument("--data", default="digits", help="digits, cifar10n, fashion_mnist or a CSV file")
    parser.add_argument("--labels", default="worst", help="cifar10n: clean, aggre, random1, random2, random3 or worst")
    parser.add_argument(
        "--noise", help="KIND:RATE, kinds symmetric, symmetric_exclusive, asymmetric, pairflip, instance"
    )
    parser.add_argument("--target", help="CSV file: the column with the labels")
    parser.add_argument("--methods", nargs="+", help="some of " + ", ".join(METHODS) + "; Auto for a CSV file")
    parser.add_argument("--epochs", type=int, help="training epochs of every method")
    parser.add_argument("--rows", type=int, default=10_000, help="training images of cifar10n and fashion_mnist")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure", default="demo.png", help="file of the figure")


def load(args):
    """Return the split and the methods' constructors that the options ask for."""
    if args.data == "digits":
        return data_sets.digits_noisy(args.seed, args.noise or "symmetric_exclusive:0.4"), DIGITS
    if args.data == "cifar10n":
        return data_sets.cifar10n(args.seed, args.labels, args.rows), IMAGES
    if args.data == "fashion_mnist":
        return data_sets.fashion_mnist_noisy(args.seed, args.noise or "symmetric:0.4", args.rows), IMAGES
    if args.data.endswith(".csv"):
        if not args.target:
            raise ValueError("--target is missing; name the column of the CSV file that holds the labels.")
        return data_sets.csv_noisy(args.data, args.target, args.seed, args.noise), OWN
    raise ValueError(f"--data {args.data!r} is not known; give digits, cifar10n, fashion_mnist or a .csv file.")


def main(args):
    """Fit every method, print the table and write the figure."""
    known = [*METHODS, "Auto"] if args.data.endswith(".csv") else list(METHODS)
    unknown = sorted(set(args.methods or ()) - set(known))
    if unknown:
        raise ValueError(f"--methods {unknown[0]!r} is not known here; there are {', '.join(known)}.")
    split, makers = load(args)
    results, curves, qualities = {}, {}, {}
    for method in (bar := tqdm(args.methods or known, desc=f"{len(split.y)} rows", unit="method")):
        bar.set_postfix_str(method)
        estimator = makers[method](random_state=args.seed, verbose=1)
        if method != "Auto":
            monitored(estimator, split)
            estimator.set_params(**{"max_epochs": args.epochs} if args.epochs else {})
        seconds = timed_fit(estimator, split.X, split.y)
        results[method] = metrics(estimator, split) | {"seconds": seconds}
        if method != "Auto":
            curves[method] = [row["test_accuracy"] for row in estimator.history_]
        qualities[method] = estimator.label_quality_
    print_table(results, split)
    draw(curves, qualities, split, args.figure)
    print(f"\nFigure: {args.figure}")
    return 0


def print_table(results, split):
    """Print accuracy, best epoch, detection and seconds of each method."""
    if split.clean is not None:
        print(f"\n{np.mean(split.y != split.clean):.1%} of {len(split.y)} training labels are wrong.")
    test = "clean test accuracy" if split.clean is not None else "test accuracy (labels as given)"
    print(f"\n{'method':12s} {test:>31s} {'best epoch':>11s} {'AUC of label quality':>21s} {'seconds':>8s}")
    for method, row in results.items():
        quality = f"{row['quality_auc']:.3f}" if "quality_auc" in row else "-"
        best = f"{row['best_epoch_accuracy']:.3f}" if "best_epoch_accuracy" in row else "-"
        print(f"{method:12s} {row['accuracy']:31.3f} {best:>11s} {quality:>21s} {row['seconds']:8.1f}")


def draw(curves, qualities, split, path):
    """Write the figure: test accuracy per epoch, and label quality of right and wrong labels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for method, curve in curves.items():
        left.plot(range(1, len(curve) + 1), curve, label=method)
    left.set(xlabel="epoch", ylabel="test accuracy")
    left.legend(fontsize="small")
    best = "DPC" if "DPC" in qualities else list(qualities)[-1]
    right.set(xlabel=f"label_quality_ of {best}", ylabel="training rows", yscale="log")
    bins = np.linspace(0, 1, 31)
    if split.clean is None:
        right.hist(qualities[best], bins, color="tab:gray")
    else:
        wrong = split.y != split.clean
        right.hist([qualities[best][~wrong], qualities[best][wrong]], bins, stacked=True, label=["right", "wrong"])
        right.legend(title="given label", fontsize="small")
    figure.savefig(path, dpi=120)
