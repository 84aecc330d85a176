"""A process that notes every socket, every new process and every temporary file of an import, fits and predictions."""

import json
import os
import sys
import tempfile

WATCHED = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system", "os.exec", "os.fork",
           "os.posix_spawn", "urllib.Request")  # fmt: skip


def main(directory):
    """Import, fit, predict, save and load every estimator in ``directory``; print what was seen as JSON."""
    seen = []
    sys.addaudithook(lambda event, args: seen.append(f"{event} {args!r}"[:300]) if event in WATCHED else None)
    tempfile.tempdir = directory
    os.chdir(directory)
    import skweak

    bare = sorted({name.partition(".")[0] for name in sys.modules})
    from tests.reliability.fits import NETWORKS, quiet_fit, small_estimator, small_rows

    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    for cls in NETWORKS:
        X, y = small_rows(cls, 40)
        clf = quiet_fit(small_estimator(cls), X, y)
        clf.predict(X)
        if "teacher" in clf.get_params():
            clf.set_params(teacher=None)
        skweak.save(clf, "model")
        skweak.load("model").predict(X)
        os.unlink("model")
    seen += [f"file {name}" for name in os.listdir(directory)]
    # The hook hears what it should.
    before = len(seen)
    os.system("true")
    print(json.dumps({"seen": seen[:before], "heard": len(seen) - before, "bare": bare, "loaded": loaded}))


if __name__ == "__main__":
    main(sys.argv[1])
