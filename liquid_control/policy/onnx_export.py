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

"""Policies for ONNX Runtime and other ONNX runtimes."""

import io
import json
from pathlib import Path

import torch

from liquid_control.errors import InputError
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.policy_file import HEADER_KEY
from liquid_control.whole_file import write_whole

INPUTS = ('picture', 'imu', 'elapsed', 'state')
OUTPUTS = ('command', 'next_state')


def export_onnx(policy: DrivingPolicy, path: str | Path, height: int, width: int) -> None:
    """Write a policy as an ONNX graph for camera pictures of one size.

    Inputs: picture uint8 (1, height, width, 3), imu (1, 6), elapsed (1, 1), state (1, S);
    outputs: command (1, 2), next_state (1, S). The metadata of the policy is in the model's properties.

    :raises InputError: if the ``export`` extra is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise InputError(
            f"ONNX export needs the package '{error.name}'; pip install 'liquid_control[export]'"
        ) from error
    example = (
        torch.zeros(1, height, width, 3, dtype=torch.uint8),
        torch.zeros(1, 6),
        torch.ones(1, 1),
        policy.initial_state(),
    )
    program = torch.onnx.export(
        policy.eval(), example, dynamo=True, input_names=list(INPUTS), output_names=list(OUTPUTS), verbose=False
    )
    model = program.model_proto
    onnx.helper.set_model_props(model, {HEADER_KEY: json.dumps(policy.spec.to_json())})
    content = io.BytesIO()
    onnx.save_model(model, content)
    write_whole(Path(path), content.getvalue())
