"""The Python end of the bridge to Node: where Node is, bytes, and calls.

`installation` provisions the Node side, `contract` reads the wire contract, `framing` moves frames
over file descriptors, `process` owns one Node process, `client` makes calls. Nothing above this
package sees a byte of the wire.
"""
