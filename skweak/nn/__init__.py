"""Networks for tables and images, split into ``features(X) -> z`` and ``head(z) -> logits``."""

from skweak.nn.cnn import SmallCNN
from skweak.nn.fast_resnet import FastResNet
from skweak.nn.label_attention import LabelwiseNetwork
from skweak.nn.mlp import MLP
from skweak.nn.resnet import ResNet
from skweak.nn.scaling import InputScaling

__all__ = ["FastResNet", "InputScaling", "LabelwiseNetwork", "MLP", "ResNet", "SmallCNN"]
