from ib_async.version import *
