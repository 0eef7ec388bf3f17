//! One journey in Chromium, with JavaScript switched off.
