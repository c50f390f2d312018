# Copyright 2026 The liquid_control Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The one OpenGL context of this process, and MuJoCo itself, which every module of this package takes from here.

A second context in one process renders nothing and says nothing, hence one for all worlds.
"""
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from liquid_control.errors import InputError

os.environ.setdefault('MUJOCO_GL', 'egl')
# Mesa's software renderer: a small picture is drawn faster in the calling thread than by a pool.
os.environ.setdefault('LP_NUM_THREADS', '0')
REMEDY = 'install libegl1 and libgl1-mesa-dri (apt-get install libegl1 libgl1-mesa-dri)'


def _missing(error: Exception) -> str:
    return f"no OpenGL for MUJOCO_GL={os.environ['MUJOCO_GL']} ({' '.join(str(error).split())}); {REMEDY}"


try:
    import mujoco
except ModuleNotFoundError as error:
    raise InputError(f"the embedded simulator needs the Python package '{error.name}'; pip install mujoco") from error
except Exception as error:  # PyOpenGL fails in many ways where the library is missing
    raise InputError(_missing(error)) from error

_lock = threading.RLock()
_context = None


@contextmanager
def gl_context() -> Iterator[None]:
    """Make the process's OpenGL context current for the calling thread while in the block.

    :raises InputError: if there is no OpenGL; the message names the packages to install.
    """
    global _context
    with _lock:
        if _context is None:
            _context = _create()
        _context.make_current()
        try:
            yield
        finally:
            _release()


def _create():
    try:
        # mujoco.GLContext is another kind where mujoco was imported before this module.
        kind = import_module('mujoco.egl') if os.environ['MUJOCO_GL'] == 'egl' else mujoco
        return kind.GLContext(64, 64)  # worlds draw into frame buffers of their own sizes
    except Exception as error:  # ImportError, RuntimeError or PyOpenGL's own, depending on what is missing
        raise InputError(_missing(error)) from error


def _release() -> None:
    """Let go of the context, so that another thread can take it; only EGL is asked to."""
    if type(_context).__module__ == 'mujoco.egl':
        from mujoco import egl
        egl.EGL.eglMakeCurrent(egl.EGL_DISPLAY, egl.EGL.EGL_NO_SURFACE, egl.EGL.EGL_NO_SURFACE, egl.EGL.EGL_NO_CONTEXT)
