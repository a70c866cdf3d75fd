from ib_async.ticker import *
