"""The peers' reading of tables: a request in JSON a line, an answer in JSON a line.

usage: data_peer.py duckdb|pandas|pyarrow THREADS

Requests by "op":
  versions
  read    a CSV file, all columns with their types, into memory: how many rows and columns, seconds and CPU seconds
  save    a matrix of that shape of float32 as .npy, for "load"
  load    that matrix, mapped: seconds until a sum of the first column is there
"""
import json, os, sys, time, warnings

warnings.simplefilter("ignore")
OUT = os.fdopen(os.dup(1), "w")  # answers; whatever else is printed goes to stderr
os.dup2(2, 1)
LIBRARY, THREADS = sys.argv[1], int(sys.argv[2])

if LIBRARY == "duckdb":
    import duckdb
else:
    import numpy
    import pandas
    import pyarrow

    pyarrow.set_cpu_count(THREADS)
    pyarrow.set_io_thread_count(THREADS)


def read(r):
    separator, header = r.get("separator", ","), r.get("header", True)
    cpu, wall = time.process_time(), time.perf_counter()
    if LIBRARY == "duckdb":
        con = duckdb.connect()
        con.execute("SET threads TO %d" % THREADS)
        con.execute("CREATE TABLE t AS SELECT * FROM read_csv(?)", [r["path"]])
        rows = con.execute("SELECT count(*) FROM t").fetchone()[0]
        columns = len(con.execute("DESCRIBE t").fetchall())
        con.close()
    else:
        options = {} if LIBRARY == "pandas" else {"engine": "pyarrow"}
        t = pandas.read_csv(r["path"], sep=separator, header=0 if header else None, **options)
        rows, columns = t.shape
    return {"rows": rows, "columns": columns, "seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def save(r):
    numpy.save(r["path"], numpy.ones((r["rows"], r["columns"]), numpy.float32))
    return {}


def load(r):
    wall = time.perf_counter()
    x = numpy.load(r["path"], mmap_mode="r")
    shape = x.shape
    return {"rows": shape[0], "columns": shape[1], "seconds": time.perf_counter() - wall}


def versions(_):
    if LIBRARY == "duckdb":
        return {"versions": ["duckdb " + duckdb.__version__]}
    return {"versions": ["pandas " + pandas.__version__, "numpy " + numpy.__version__, "pyarrow " + pyarrow.__version__]}


OPS = {f.__name__: f for f in (versions, read, save, load)}
for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = OPS[request["op"]](request)
    except Exception as e:
        answer = {"error": "%s: %s" % (type(e).__name__, e)}
    OUT.write(json.dumps(answer) + "\n")
    OUT.flush()
