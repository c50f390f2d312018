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

"""Liquid networks in plain torch: wirings, cells and layers. Knows nothing of cars."""
from liquid_control.liquid import wirings
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.cfc import CfCCell
from liquid_control.liquid.layers import CfC, LTC
from liquid_control.liquid.lstm import LSTMCell, MixedMemoryCell
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.ncps_weights import load_ncps_weights
from liquid_control.liquid.spiking import LIFCell, LiquidSpikingCell
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.liquid.wirings import car_ncp

__all__ = ['Cell', 'CfC', 'CfCCell', 'LIFCell', 'LSTMCell', 'LTC', 'LTCCell', 'LiquidSpikingCell', 'MixedMemoryCell',
           'WiredCfCCell', 'car_ncp', 'load_ncps_weights', 'wirings']
