from ib_async.util import *
