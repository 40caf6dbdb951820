"""Every file name and format, and who owns a job; nobody else's business."""

import sys

if sys.platform == "win32":
    raise ImportError("experimaestro runs jobs on Linux and macOS. On Windows, use it in WSL")
