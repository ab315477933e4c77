"""What packages see of themselves. Usage: probe.py WHAT; prints a line that names no path."""

import os
import sys


def threads():
    import numpy
    import sklearn.cluster
    import threadpoolctl

    assert numpy.ones(3) @ numpy.ones(3) == 3 and sklearn.cluster
    print(*sorted("%(user_api)s:%(prefix)s" % pool for pool in threadpoolctl.threadpool_info()))


def svg():
    from PySide6 import QtCore, QtGui

    image = QtGui.QImage()
    image.loadFromData(b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8">'
                       b'<rect width="8" height="8" fill="red"/></svg>', "svg")
    print(image.size().toTuple(), QtGui.QColor(image.pixel(4, 4)).name(),
          len(QtGui.QImageReader.supportedImageFormats()), QtCore.qVersion())


def quick():
    from PySide6 import QtGui, QtQml

    app = QtGui.QGuiApplication([])
    engine = QtQml.QQmlEngine()
    component = QtQml.QQmlComponent(engine)
    component.setData(b"import QtQuick\nimport QtQuick.Controls\nItem { width: 7 }", "")
    item = component.create()
    print(component.errorString() or item.property("width"), app.platformName())


def meshes():
    import pymeshlab

    print(pymeshlab.number_plugins(), len(pymeshlab.filter_list()))


def torch():
    import torch

    print((torch.ones(4, 4) @ torch.ones(4, 4)).sum().item(), torch.__version__)


def science():
    import numpy
    import scipy.linalg

    print(scipy.linalg.inv(numpy.eye(3) * 2).sum(), numpy.__version__)


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    globals()[sys.argv[1]]()
