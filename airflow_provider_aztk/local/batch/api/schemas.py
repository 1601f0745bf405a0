"""What the bodies of requests may hold: names and types, as api-version 2025-06-01 has them.

Each schema is a list of ``name``, ``name:kind`` or ``name:[kind]`` (a list). A kind is another schema, words to choose
from (``a|b``), ``int``, ``bool``, ``duration``, ``time`` or ``any``; text where none is given.
"""

from __future__ import annotations

__all__ = ["OLDER_NAMES", "SCHEMAS"]

_BODIES = {
    "Pool": (
        "id displayName vmSize virtualMachineConfiguration:VirtualMachineConfiguration resizeTimeout:duration "
        "targetDedicatedNodes:int targetLowPriorityNodes:int enableAutoScale:bool autoScaleFormula "
        "autoScaleEvaluationInterval:duration enableInterNodeCommunication:bool "
        "networkConfiguration:NetworkConfiguration startTask:StartTask "
        "applicationPackageReferences:[ApplicationPackageReference] taskSlotsPerNode:int "
        "taskSchedulingPolicy:TaskSchedulingPolicy userAccounts:[UserAccount] metadata:[MetadataItem] "
        "mountConfiguration:[MountConfiguration] upgradePolicy:UpgradePolicy"
    ),
    "PoolUpdate": (
        "displayName vmSize enableInterNodeCommunication:bool startTask:StartTask "
        "applicationPackageReferences:[ApplicationPackageReference] metadata:[MetadataItem] "
        "virtualMachineConfiguration:VirtualMachineConfiguration taskSlotsPerNode:int "
        "taskSchedulingPolicy:TaskSchedulingPolicy networkConfiguration:NetworkConfiguration "
        "userAccounts:[UserAccount] mountConfiguration:[MountConfiguration] upgradePolicy:UpgradePolicy"
    ),
    "PoolProperties": (
        "startTask:StartTask applicationPackageReferences:[ApplicationPackageReference] metadata:[MetadataItem]"
    ),
    "Resize": (
        "targetDedicatedNodes:int targetLowPriorityNodes:int resizeTimeout:duration "
        "nodeDeallocationOption:requeue|terminate|taskcompletion|retaineddata"
    ),
    "NodeRemoval": (
        "nodeList:[str] resizeTimeout:duration nodeDeallocationOption:requeue|terminate|taskcompletion|retaineddata"
    ),
    "Reboot": "nodeRebootOption:requeue|terminate|taskcompletion|retaineddata",
    "DisableScheduling": "nodeDisableSchedulingOption:requeue|terminate|taskcompletion",
    "NodeUser": "name isAdmin:bool expiryTime:time password sshPublicKey",
    "NodeUserUpdate": "password expiryTime:time sshPublicKey",
    "Job": (
        "id displayName usesTaskDependencies:bool priority:int allowTaskPreemption:bool maxParallelTasks:int "
        "constraints:JobConstraints jobManagerTask:JobManagerTask jobPreparationTask:JobPreparationTask "
        "jobReleaseTask:JobReleaseTask commonEnvironmentSettings:[EnvironmentSetting] poolInfo:PoolInfo "
        "onAllTasksComplete:noaction|terminatejob onTaskFailure:noaction|performexitoptionsjobaction "
        "networkConfiguration:JobNetworkConfiguration metadata:[MetadataItem]"
    ),
    "JobUpdate": (
        "priority:int allowTaskPreemption:bool maxParallelTasks:int constraints:JobConstraints "
        "poolInfo:PoolInfo onAllTasksComplete:noaction|terminatejob metadata:[MetadataItem] "
        "networkConfiguration:JobNetworkConfiguration"
    ),
    "JobDisable": "disableTasks:requeue|terminate|wait",
    "JobTerminate": "terminateReason",
    "Task": (
        "id displayName exitConditions:ExitConditions commandLine containerSettings:TaskContainerSettings "
        "resourceFiles:[ResourceFile] outputFiles:[OutputFile] environmentSettings:[EnvironmentSetting] "
        "affinityInfo:AffinityInfo constraints:TaskConstraints requiredSlots:int userIdentity:UserIdentity "
        "multiInstanceSettings:MultiInstanceSettings dependsOn:TaskDependencies "
        "applicationPackageReferences:[ApplicationPackageReference]"
    ),
    "TaskCollection": "value:[Task]",
}

_PARTS = {
    "VirtualMachineConfiguration": (
        "imageReference:VmImageReference nodeAgentSKUId windowsConfiguration:WindowsConfiguration "
        "dataDisks:[DataDisk] licenseType containerConfiguration:ContainerConfiguration "
        "diskEncryptionConfiguration:DiskEncryptionConfiguration "
        "nodePlacementConfiguration:NodePlacementConfiguration extensions:[VMExtension] osDisk:OsDisk "
        "securityProfile:SecurityProfile serviceArtifactReference:ServiceArtifactReference"
    ),
    "NetworkConfiguration": (
        "subnetId dynamicVNetAssignmentScope:none|job endpointConfiguration:PoolEndpointConfiguration "
        "publicIPAddressConfiguration:PublicIpAddressConfiguration enableAcceleratedNetworking:bool"
    ),
    "StartTask": (
        "commandLine containerSettings:TaskContainerSettings resourceFiles:[ResourceFile] "
        "environmentSettings:[EnvironmentSetting] userIdentity:UserIdentity maxTaskRetryCount:int "
        "waitForSuccess:bool"
    ),
    "ApplicationPackageReference": "applicationId version",
    "TaskSchedulingPolicy": "jobDefaultOrder:none|creationtime nodeFillType:spread|pack",
    "UserAccount": (
        "name password elevationLevel:nonadmin|admin linuxUserConfiguration:LinuxUserConfiguration "
        "windowsUserConfiguration:WindowsUserConfiguration"
    ),
    "MetadataItem": "name value",
    "MountConfiguration": (
        "azureBlobFileSystemConfiguration:AzureBlobFileSystemConfiguration "
        "nfsMountConfiguration:NfsMountConfiguration cifsMountConfiguration:CifsMountConfiguration "
        "azureFileShareConfiguration:AzureFileShareConfiguration"
    ),
    "UpgradePolicy": (
        "mode:automatic|manual|rolling automaticOSUpgradePolicy:AutomaticOsUpgradePolicy "
        "rollingUpgradePolicy:RollingUpgradePolicy"
    ),
    "JobConstraints": "maxWallClockTime:duration maxTaskRetryCount:int",
    "JobManagerTask": (
        "id displayName commandLine containerSettings:TaskContainerSettings resourceFiles:[ResourceFile] "
        "outputFiles:[OutputFile] environmentSettings:[EnvironmentSetting] constraints:TaskConstraints "
        "requiredSlots:int killJobOnCompletion:bool userIdentity:UserIdentity runExclusive:bool "
        "applicationPackageReferences:[ApplicationPackageReference] allowLowPriorityNode:bool"
    ),
    "JobPreparationTask": (
        "id commandLine containerSettings:TaskContainerSettings resourceFiles:[ResourceFile] "
        "environmentSettings:[EnvironmentSetting] constraints:TaskConstraints waitForSuccess:bool "
        "userIdentity:UserIdentity rerunOnNodeRebootAfterSuccess:bool"
    ),
    "JobReleaseTask": (
        "id commandLine containerSettings:TaskContainerSettings resourceFiles:[ResourceFile] "
        "environmentSettings:[EnvironmentSetting] maxWallClockTime:duration retentionTime:duration "
        "userIdentity:UserIdentity"
    ),
    "EnvironmentSetting": "name value",
    "PoolInfo": "poolId autoPoolSpecification:AutoPoolSpecification",
    "JobNetworkConfiguration": "subnetId skipWithdrawFromVNet:bool",
    "ExitConditions": (
        "exitCodes:[ExitCodeMapping] exitCodeRanges:[ExitCodeRangeMapping] preProcessingError:ExitOptions "
        "fileUploadError:ExitOptions default:ExitOptions"
    ),
    "TaskContainerSettings": (
        "containerRunOptions imageName registry:ContainerRegistryReference "
        "workingDirectory:taskWorkingDirectory|containerImageDefault "
        "containerHostBatchBindMounts:[ContainerHostBatchBindMountEntry]"
    ),
    "ResourceFile": (
        "autoStorageContainerName storageContainerUrl httpUrl blobPrefix filePath fileMode identityReference:Identity"
    ),
    "OutputFile": "filePattern destination:OutputFileDestination uploadOptions:OutputFileUploadConfiguration",
    "AffinityInfo": "affinityId",
    "TaskConstraints": "maxWallClockTime:duration retentionTime:duration maxTaskRetryCount:int",
    "UserIdentity": "username autoUser:AutoUserSpecification",
    "MultiInstanceSettings": "numberOfInstances:int coordinationCommandLine commonResourceFiles:[ResourceFile]",
    "TaskDependencies": "taskIds:[str] taskIdRanges:[TaskIdRange]",
    "VmImageReference": (
        "publisher offer sku version virtualMachineImageId sharedGalleryImageId communityGalleryImageId"
    ),
    "WindowsConfiguration": "enableAutomaticUpdates:bool",
    "DataDisk": "lun:int caching:none|readonly|readwrite diskSizeGB:int managedDisk:ManagedDisk",
    "ContainerConfiguration": (
        "type:dockerCompatible|criCompatible containerImageNames:[str] containerRegistries:[ContainerRegistryReference]"
    ),
    "DiskEncryptionConfiguration": "customerManagedKey:DiskCustomerManagedKey targets:[osdisk|temporarydisk]",
    "NodePlacementConfiguration": "policy:regional|zonal",
    "VMExtension": (
        "name publisher type typeHandlerVersion autoUpgradeMinorVersion:bool enableAutomaticUpgrade:bool "
        "settings:any protectedSettings:any provisionAfterExtensions:[str]"
    ),
    "OsDisk": (
        "ephemeralOSDiskSettings:DiffDiskSettings caching:none|readonly|readwrite diskSizeGB:int "
        "managedDisk:ManagedDisk writeAcceleratorEnabled:bool"
    ),
    "SecurityProfile": (
        "encryptionAtHost:bool proxyAgentSettings:ProxyAgentSettings "
        "securityType:trustedLaunch|confidentialvm uefiSettings:UefiSettings"
    ),
    "ServiceArtifactReference": "id",
    "PoolEndpointConfiguration": "inboundNATPools:[InboundNatPool]",
    "PublicIpAddressConfiguration": (
        "provision:batchmanaged|usermanaged|nopublicipaddresses ipFamilies:[IPv4|IPv6] ipAddressIds:[str] "
        "ipTags:[IPTag]"
    ),
    "LinuxUserConfiguration": "uid:int gid:int sshPrivateKey",
    "WindowsUserConfiguration": "loginMode:batch|interactive",
    "AzureBlobFileSystemConfiguration": (
        "accountName containerName accountKey sasKey blobfuseOptions relativeMountPath identityReference:Identity"
    ),
    "NfsMountConfiguration": "source relativeMountPath mountOptions",
    "CifsMountConfiguration": "username source relativeMountPath mountOptions password",
    "AzureFileShareConfiguration": "accountName accountKey azureFileUrl relativeMountPath mountOptions",
    "AutomaticOsUpgradePolicy": (
        "disableAutomaticRollback:bool enableAutomaticOSUpgrade:bool useRollingUpgradePolicy:bool "
        "osRollingUpgradeDeferral:bool"
    ),
    "RollingUpgradePolicy": (
        "enableCrossZoneUpgrade:bool maxBatchInstancePercent:int maxUnhealthyInstancePercent:int "
        "maxUnhealthyUpgradedInstancePercent:int pauseTimeBetweenBatches:duration "
        "prioritizeUnhealthyInstances:bool rollbackFailedInstancesOnPolicyBreach:bool"
    ),
    "AutoPoolSpecification": (
        "autoPoolIdPrefix poolLifetimeOption:jobschedule|job keepAlive:bool pool:PoolSpecification"
    ),
    "ExitCodeMapping": "code:int exitOptions:ExitOptions",
    "ExitCodeRangeMapping": "start:int end:int exitOptions:ExitOptions",
    "ExitOptions": "jobAction:none|disable|terminate dependencyAction:satisfy|block",
    "ContainerRegistryReference": "username password registryServer identityReference:Identity",
    "ContainerHostBatchBindMountEntry": "source:Shared|Startup|VfsMounts|Task|JobPrep|Applications isReadOnly:bool",
    "Identity": "resourceId",
    "OutputFileDestination": "container:OutputFileBlobContainerDestination",
    "OutputFileUploadConfiguration": "uploadCondition:tasksuccess|taskfailure|taskcompletion",
    "AutoUserSpecification": "scope:task|pool elevationLevel:nonadmin|admin",
    "TaskIdRange": "start:int end:int",
    "ManagedDisk": (
        "diskEncryptionSet:DiskEncryptionSetParameters "
        "storageAccountType:standard_lrs|premium_lrs|standardssd_lrs securityProfile:VmDiskSecurityProfile"
    ),
    "DiskCustomerManagedKey": "identityReference:Identity keyUrl rotationToLatestKeyVersionEnabled:bool",
    "DiffDiskSettings": "placement",
    "ProxyAgentSettings": "enabled:bool imds:HostEndpointSettings wireServer:HostEndpointSettings",
    "UefiSettings": "secureBootEnabled:bool vTpmEnabled:bool",
    "InboundNatPool": (
        "name protocol:tcp|udp backendPort:int frontendPortRangeStart:int frontendPortRangeEnd:int "
        "networkSecurityGroupRules:[NetworkSecurityGroupRule]"
    ),
    "IPTag": "ipTagType tag",
    "OutputFileBlobContainerDestination": (
        "path containerUrl identityReference:Identity uploadHeaders:[OutputFileUploadHeader]"
    ),
    "DiskEncryptionSetParameters": "id",
    "VmDiskSecurityProfile": "securityEncryptionType:DiskWithVMGuestState|NonPersistedTPM|VMGuestStateOnly",
    "HostEndpointSettings": "inVMAccessControlProfileReferenceId mode:Audit|Enforce",
    "NetworkSecurityGroupRule": "priority:int access:allow|deny sourceAddressPrefix sourcePortRanges:[str]",
    "OutputFileUploadHeader": "name value",
}

_SHOWN = (
    "id url eTag lastModified:time creationTime:time state stateTransitionTime:time previousState "
    "previousStateTransitionTime:time executionInfo:any stats:any odata.metadata"
)
#: Clients that replace a job or task may send all that they were shown.
_REPLACED = {
    "JobReplacement": f"{_BODIES['Job']} {_BODIES['JobUpdate']} {_SHOWN}",
    "TaskReplacement": f"{_BODIES['Task']} nodeInfo:any {_SHOWN}",
}

#: What clients of older api-versions send, and this one took out.
OLDER_NAMES = {
    "Pool": "maxTasksPerNode:int targetNodeCommunicationMode certificateReferences:any resourceTags:any",
    "PoolUpdate": "maxTasksPerNode:int targetNodeCommunicationMode certificateReferences:any resourceTags:any",
    "PoolProperties": "targetNodeCommunicationMode certificateReferences:any",
    "Task": "authenticationTokenSettings:any",
    "JobManagerTask": "authenticationTokenSettings:any",
    "StartTask": "authenticationTokenSettings:any",
    "ResourceFile": "blobSource",
    "DataDisk": "storageAccountType",
    "VmImageReference": "exactVersion",
    "PublicIpAddressConfiguration": "publicIPs:any",
}

SCHEMAS = {**_BODIES, **_PARTS, "PoolSpecification": _BODIES["Pool"].removeprefix("id "), **_REPLACED}
OLDER_NAMES["PoolSpecification"] = OLDER_NAMES["Pool"]
