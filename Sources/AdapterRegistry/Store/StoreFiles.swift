import Checkpoints

typealias SystemFile = Checkpoints.SystemFile<AdapterStorageError>
typealias DurableFolder = Checkpoints.DurableFolder<AdapterStorageError>

extension AdapterStorageError: FileFailure {}
