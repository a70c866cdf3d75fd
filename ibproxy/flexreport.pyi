from ib_async.flexreport import *
