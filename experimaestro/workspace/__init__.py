"""Every file name and format, and who owns a job; nobody else's business."""
