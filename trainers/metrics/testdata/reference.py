"""Prints the expected values of metrics_test.go, by scikit-learn 1.9.1 and numpy 2.4.6."""
import numpy as np
from sklearn.metrics import accuracy_score, log_loss, mean_absolute_error, r2_score, root_mean_squared_error

# Three classes; one probability of 0 and one of 1 to be clipped, one tie.
p = np.array([[.7, .2, .1], [.1, .3, .6], [1, 0, 0], [1, 0, 0], [.4, .4, .2], [.25, .25, .5], [.05, .9, .05]], dtype=np.float32)
y = np.array([0, 2, 0, 1, 1, 2, 0])
print("three classes", repr(log_loss(y, p, labels=[0, 1, 2])), repr(accuracy_score(y, p.argmax(axis=1))))

q = np.array([.9, .5, .25, .75, .125], dtype=np.float32)
p = np.stack([1 - q, q], axis=1)
y = np.array([1, 0, 0, 1, 1])
print("two classes", repr(log_loss(y, p)), repr(accuracy_score(y, p.argmax(axis=1))))

y = np.array([3, -0.5, 2, 7, 4.25], dtype=np.float32).astype(float)
z = np.array([2.5, 0.0, 2, 8, -1.75])
print("regression", repr(root_mean_squared_error(y, z)), repr(mean_absolute_error(y, z)), repr(r2_score(y, z)))
y = np.full(3, 2.0)
print("equal targets", r2_score(y, y), r2_score(y, y + [0, 0, 1]))
