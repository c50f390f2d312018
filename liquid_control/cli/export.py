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

"""``liquid-control export``: a policy for other runtimes."""
import argparse
from pathlib import Path

HELP = 'write a policy as TorchScript or ONNX for other runtimes'
SUFFIXES = {'torchscript': '.pt', 'onnx': '.onnx'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('policy', metavar='POLICY', help='policy file, such as models/ncp19.safetensors')
    parser.add_argument('--format', required=True, choices=sorted(SUFFIXES), help='what to write')
    parser.add_argument('--out', metavar='FILE',
                        help='the file to write (default: POLICY with the suffix .pt or .onnx)')
    parser.add_argument(
        '--picture', metavar='WxH', default='192x144',
        help='size of the camera pictures that an ONNX graph takes, in pixels '
             '(default: %(default)s, as the simulator gives)')


def run(args: argparse.Namespace) -> int:
    """Write the export; print where it is and, for TorchScript, the hash that a node asks for."""
    from liquid_control.cli.output import check_writable
    from liquid_control.policy.policy_file import load_policy, sha256_of
    width, height = picture_size(args.picture)
    out = Path(args.out) if args.out else Path(args.policy).with_suffix(SUFFIXES[args.format])
    check_writable(out)
    policy = load_policy(args.policy)
    if args.format == 'torchscript':
        from liquid_control.policy.compiling import export_torchscript
        export_torchscript(policy, out)
    else:
        from liquid_control.policy.onnx_export import export_onnx
        export_onnx(policy, out, height, width)
    print(f'{out}: {args.format}, {out.stat().st_size} bytes, SHA-256 {sha256_of(out)}')
    if args.format == 'torchscript':
        print('TorchScript is code: a drive node runs it only when its parameter policy_sha256 is this hash.')
    return 0


def picture_size(text: str) -> tuple[int, int]:
    """Return width and height of 'WxH' in pixels.

    :raises InputError: unless both are from 8 to 8192.
    """
    from liquid_control.errors import InputError
    width, _, height = text.partition('x')
    if not (width.isdecimal() and height.isdecimal() and 8 <= int(width) <= 8192 and 8 <= int(height) <= 8192):
        raise InputError(f"picture size '{text}' is not WxH with 8 to 8192 pixels each; give for example 192x144")
    return int(width), int(height)
