"""Which cell-therapy trials in acute myeloid leukaemia a patient may fit, and why."""

__version__ = "0.1.0"
