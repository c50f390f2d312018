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

# make drive    set everything up in .venv and drive three laps of an unseen track
# make test     set everything up and run the tests
# make train    learn a policy              make lint    check the style            make clean    remove what was made
#
# make lock     write requirements/lock.txt anew      make vulnerabilities    ask for advisories about what it names
#
# ARGS=...      goes to liquid-control or pytest:  make drive ARGS='--track random:1000007 --laps 1'
# PYTHON=...    the Python to use, 3.11 to 3.13:   make drive PYTHON=python3.12
# TORCH=...     the PyTorch to install:            make drive TORCH='torch==2.10.*'
# LOCKED=1      install the files of requirements/lock.txt, by their hashes, and no others (PyTorch apart)
#
# PyTorch's default Linux build brings gigabytes of CUDA, which nothing here needs. Where pip is also offered a build
# without it, pip takes that: export PIP_EXTRA_INDEX_URL with the CPU index that PyTorch's "Get Started" page names.
PYTHON ?=
TORCH ?= torch==2.13.0
ARGS ?=
LOCKED ?=

VENV := .venv
RUN := $(VENV)/bin/python
TOOLS := $(VENV)/maintenance
READY := $(VENV)/.installed $(VENV)/.renders

# The environment stands alone: a ROS that is sourced in this shell, or another environment's ROS wheels, stay outside.
unexport PYTHONPATH LD_LIBRARY_PATH AMENT_PREFIX_PATH RMW_IMPLEMENTATION _ROS_WHEELS_BOOTSTRAP_COMPLETE

.PHONY: drive train test faults fuzz soak lint lock vulnerabilities clean
.DELETE_ON_ERROR:

drive: $(READY)
	$(RUN) -m liquid_control drive $(ARGS)

train: $(READY)
	$(RUN) -m liquid_control train $(ARGS)

test: $(READY)
	$(RUN) -m pytest -q -ra $(ARGS)

faults: $(READY)
	$(RUN) -m liquid_control faults $(ARGS)

fuzz: $(READY)
	$(RUN) -m liquid_control fuzz messages --count 1000000 $(ARGS)

soak: $(READY)
	$(RUN) -m liquid_control soak $(ARGS)

lint: $(VENV)/.installed
	$(RUN) -m ruff check .

lock: $(TOOLS)/.installed
	tools/lock.sh $(TOOLS)/bin/python

vulnerabilities: $(TOOLS)/.installed
	echo '$(TORCH)' > $(TOOLS)/torch.txt
	$(TOOLS)/bin/python -m pip_audit --progress-spinner off --strict --disable-pip --require-hashes -r requirements/lock.txt
	$(TOOLS)/bin/python -m pip_audit --progress-spinner off --strict --disable-pip --no-deps -r $(TOOLS)/torch.txt

$(TOOLS)/.installed: | $(RUN)
	$(RUN) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install -qq --disable-pip-version-check 'uv>=0.9,<1' 'pip-audit>=2.7,<3'
	touch $@

clean:
	rm -rf $(VENV) build dist install log runs *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN):
	tools/make_venv.sh $(VENV) $(PYTHON)

# An editable install: code edits are live, and only a change of the package's own description installs again.
$(VENV)/.installed: setup.py setup.cfg pyproject.toml package.xml | $(RUN)
	@echo 'Installing $(TORCH), ROS 2 and the rest into $(VENV): minutes the first time, seconds later.'
	$(RUN) -m pip install --disable-pip-version-check '$(TORCH)'
ifneq ($(LOCKED),)
	$(RUN) -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/lock.txt
	$(RUN) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
else
	$(RUN) -m pip install -qq --disable-pip-version-check -e '.[all]'
endif
	@touch $@

$(VENV)/.renders: | $(VENV)/.installed
	tools/software_egl.sh $(RUN)
	@touch $@
