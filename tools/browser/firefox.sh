#!/bin/sh
# Starts the Firefox that TIDEPOOL_FIREFOX names. Its driver asks it to end when the process of a page dies, which it does for nobody else.
unset MOZ_CRASHREPORTER MOZ_CRASHREPORTER_SHUTDOWN
export MOZ_CRASHREPORTER_DISABLE=1
exec "$TIDEPOOL_FIREFOX" "$@"
