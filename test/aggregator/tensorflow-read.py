"""Loads the checkpoint argv[1] with TensorFlow and prints its variables as JSON; argv[2] may ask for `restore`."""
import base64
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf


def values_of(value, dtype):
    if dtype == "string":
        flat = value.ravel().tolist() if isinstance(value, np.ndarray) else [value]
        return [base64.b64encode(element).decode() for element in flat]
    flat = np.asarray(value).ravel()
    return flat.tolist() if flat.dtype.kind in "biu" else flat.astype(np.float64).tolist()


def read(prefix):
    reader = tf.train.load_checkpoint(prefix)
    dtypes = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    return {
        name: {"dtype": dtype.name, "shape": shapes[name], "values": values_of(reader.get_tensor(name), dtype.name)}
        for name, dtype in sorted(dtypes.items())
    }


class Dense(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(tf.zeros((4, 3)), name="kernel")
        self.bias = tf.Variable(tf.zeros(3), name="bias")


def restore(prefix):
    """The objects of test/fixtures/checkpoints/generate.py, restored by their object graph: nothing may be left over."""
    model = Dense()
    optimizer = tf.keras.optimizers.Adam(0.5)
    optimizer.build([model.kernel, model.bias])
    label = tf.Variable("", name="label")
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, label=label)
    checkpoint.read(prefix).assert_consumed()
    return {"kernel": values_of(model.kernel.numpy(), "float32"), "label": label.numpy().decode()}


print(json.dumps(restore(sys.argv[1]) if sys.argv[2:] == ["restore"] else read(sys.argv[1])))
