#!/usr/bin/env bash
# Says in one line for each what this machine lacks (Python 3.11+, Java 17+, Node 18+), with the command that installs it.
set -u
python=${1:-python3}
missing=0

need() {
    echo "missing: $1; install it with: $2" >&2
    missing=1
}

case "$(uname -s)" in
    Darwin) install_python="brew install python@3.12" install_java="brew install openjdk@17" install_node="brew install node" ;;
    *) install_python="sudo apt-get install -y python3 python3-venv" install_java="sudo apt-get install -y openjdk-17-jre-headless" install_node="sudo apt-get install -y nodejs npm" ;;
esac

"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    need "Python 3.11 or later with venv (or name one: make PYTHON=python3.12 ...)" "$install_python"

java=java
[ -n "${JAVA_HOME:-}" ] && java="$JAVA_HOME/bin/java"
version=$("$java" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
[ "${version:-0}" -ge 17 ] || need "Java 17 or later (JAVA_HOME or PATH)" "$install_java"

version=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
[ "${version:-0}" -ge 18 ] && command -v npm >/dev/null || need "Node.js 18 or later with npm" "$install_node"

exit "$missing"
