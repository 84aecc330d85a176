"""A GPU that is not there: CPU tensors that claim to be on one and refuse whatever a real one would refuse."""

import torch
import torch._dynamo  # When it is imported it compares what is patched below.
from pytest import MonkeyPatch
from torch.overrides import TorchFunctionMode

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
# Functions that take tensors of both sides: copies, and positions on the CPU.
_MEETING = {"copy_", "__setitem__", "__set__", "_has_compatible_shallow_copy_type"}
_TO_HOST = {"numpy", "__array__"}
# Functions whose result the host must know, so that it waits for the device.
_WAITING = {
    "item", "tolist", "cpu", "nonzero", "masked_select", "unique", "equal", "__bool__", "__int__", "__float__",
    "__index__",
}  # fmt: skip


def _flat(values):
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        elif isinstance(value, dict):
            yield from _flat(value.values())
        else:
            yield value


def _is_device(value):
    if isinstance(value, str):
        return value.split(":")[0] in ("cpu", "cuda")
    return isinstance(value, torch.device)


class SimulatedCuda(TorchFunctionMode):
    """Within the block ``device="cuda"`` works on the CPU, to the same bits.

    A tensor that was moved to the device or made of such tensors is marked. Tensors of both kinds in one call raise, so
    do a CPU generator for a marked result and numpy's view of a marked tensor. Streams, memory and half-precision
    kernels are not simulated.

    Attributes
    ----------
    waits : list of str
        Calls for which the host would have waited for the device, in order.
    """

    def __init__(self):
        super().__init__()
        self.waits = []

    def __enter__(self):
        patch = self._patch = MonkeyPatch()
        for name, value in {
            "is_available": lambda: True, "manual_seed": lambda seed: None, "mem_get_info": lambda device: (2**40, 2**40),
            "get_rng_state": lambda device: torch.zeros(1), "set_rng_state": lambda state, device: None,
            "synchronize": lambda device=None: None,
        }.items():  # fmt: skip
            patch.setattr(torch.cuda, name, value)
        autocast, load, make = torch.autocast, torch.load, torch.Tensor._make_subclass

        def make_subclass(cls, data, *args, **kwargs):
            made = make(cls, data, *args, **kwargs)
            made._on_simulated_device = self.on_device(data)
            return made

        patch.setattr(torch.Tensor, "_make_subclass", staticmethod(make_subclass))
        patch.setattr(torch, "autocast", lambda _, *dtype, **settings: autocast("cpu", *dtype, **settings))
        # The mark travels in the file with every tensor.
        patch.setattr(torch, "load", lambda file, map_location=None, **settings: load(file, "cpu", **settings))
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        self._patch.undo()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        kwargs = dict(kwargs or {})
        if func is torch.device or name == "_parse_to":
            return func(*args, **kwargs)
        if func == torch.Tensor.device.__get__:
            return CUDA if self.on_device(args[0]) else CPU
        if func == torch.Tensor.is_cuda.__get__:
            return self.on_device(args[0])
        tensors = [value for value in _flat((args, kwargs)) if isinstance(value, torch.Tensor)]
        marked = any(map(self.on_device, tensors))
        if name == "to" and isinstance(args[-1], torch.Tensor) and len(args) > 1:
            args = (args[0], CUDA if self.on_device(args[1]) else CPU, args[1].dtype, *args[2:])
        if marked and name in _TO_HOST:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")
        if marked and self.must_wait(name, args):
            self.waits.append(name)
        target = None
        if name == "pin_memory":
            return args[0].clone()
        if name == "cpu":
            target, func, args = CPU, torch.Tensor.clone, args[:1]
        elif name == "cuda":
            target, func, args, kwargs = CUDA, torch.Tensor.clone, args[:1], {}
        elif not name.startswith("__") and any(map(_is_device, [*args, kwargs.get("device")])):
            target = torch.device(next(v for v in [kwargs.get("device"), *args] if _is_device(v)))
            args = tuple(CPU if _is_device(v) else v for v in args)
            if "device" in kwargs:
                kwargs["device"] = CPU
            if name == "to" and self.on_device(args[0]) != (target.type == "cuda"):
                kwargs["copy"] = True
        elif name not in _MEETING:
            self.refuse_mixture(name, args, kwargs, tensors)
        to_device = marked if target is None else target.type == "cuda"
        generator = kwargs.get("generator")
        if to_device and isinstance(generator, torch.Generator):
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        result = func(*args, **kwargs)
        for value in _flat([result]):
            if isinstance(value, torch.Tensor) and (target is not None or to_device):
                value._on_simulated_device = to_device
        if func == torch.Tensor.data.__set__:
            args[0]._on_simulated_device = self.on_device(args[1])
        return result

    @staticmethod
    def on_device(tensor):
        """Tell whether a tensor claims to be on the device."""
        return getattr(tensor, "_on_simulated_device", False)

    @staticmethod
    def must_wait(name, args):
        """Tell whether the host needs the numbers of the device for this call, also to know the size of the result."""
        if name not in ("__getitem__", "__setitem__"):
            return name in _WAITING or (name == "where" and len(args) == 1)
        index = args[1] if isinstance(args[1], tuple) else args[1:2]
        return any(isinstance(part, torch.Tensor) and part.dtype == torch.bool for part in index)

    def refuse_mixture(self, name, args, kwargs, tensors):
        """Raise where a real device would miss a tensor."""
        if name == "__getitem__" and self.on_device(args[0]):
            return
        sides = {self.on_device(tensor) for tensor in tensors if tensor.dim() or self.on_device(tensor)}
        if len(sides) > 1:
            raise RuntimeError(f"Expected all tensors to be on the same device, found cuda:0 and cpu in {name}")
