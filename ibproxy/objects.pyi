from ib_async.objects import *
