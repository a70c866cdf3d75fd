from ib_async.ibcontroller import *
