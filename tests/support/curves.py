"""A task that writes for TensorBoard, as a user's would."""

import os

from experimaestro import Param, Task


class Curve(Task):
    """Writes a line of three points."""

    slope: Param[float]

    def execute(self) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        writer = EventFileWriter(os.getcwd())
        for step in range(3):
            value = Summary.Value(tag="loss", simple_value=self.slope * step)
            writer.add_event(Event(step=step, wall_time=step, summary=Summary(value=[value])))
        writer.close()
