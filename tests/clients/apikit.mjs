// api-kit as its users have it: reads one JSON line of what to do with, says one JSON line of what it was told.
import { readFileSync } from 'node:fs'
import SafeApiKit from '@safe-global/api-kit'
import { createWalletClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'

const given = JSON.parse(readFileSync(0, 'utf8'))
const kit = new SafeApiKit({
  chainId: BigInt(given.chain),
  txServiceUrl: given.url,
  apiKey: given.token
})
const wallet = (key) => createWalletClient({ account: privateKeyToAccount(key), transport: http(given.rpc) })
const failing = async (call) => {
  try {
    await call()
    return null
  } catch (error) {
    return { status: error.statusCode, message: String(error.message) }
  }
}
const said = {}

said.about = await kit.getServiceInfo()
said.info = await kit.getSafeInfo(given.safe)
said.owned = await kit.getSafesByOwner(given.proposal.senderAddress)
said.next = await kit.getNextNonce(given.safe)
await kit.proposeTransaction(given.proposal)
const hash = given.proposal.safeTxHash
said.unconfirmed = (await kit.getTransaction(hash)).confirmations.length
said.confirmed = await kit.confirmTransaction(hash, given.second)
said.transaction = await kit.getTransaction(hash)
said.confirmations = await kit.getTransactionConfirmations(hash)
said.listed = await kit.getMultisigTransactions(given.safe, { executed: false, nonce__gte: '0', limit: 1 })
said.pending = await kit.getPendingTransactions(given.safe)
said.after = await kit.getNextNonce(given.safe)
said.decoded = await kit.decodeData(given.proposal.safeTransactionData.data, given.proposal.safeTransactionData.to)

const delegate = { delegateAddress: given.delegate, delegatorAddress: given.proposal.senderAddress }
said.added = await kit.addSafeDelegate({
  ...delegate,
  safeAddress: given.safe,
  label: 'night shift',
  signer: wallet(given.keys.sender)
})
said.delegates = await kit.getSafeDelegates({ safeAddress: given.safe })
said.stranger = await failing(() =>
  kit.addSafeDelegate({ ...delegate, safeAddress: given.safe, label: 'x', signer: wallet(given.keys.stranger) })
)
await kit.removeSafeDelegate({ ...delegate, signer: wallet(given.keys.sender) })
said.left = await kit.getSafeDelegates({ safeAddress: given.safe })

said.unknown = await failing(() => kit.getTransaction('0x' + '00'.repeat(32)))
said.badHash = await failing(() => kit.proposeTransaction({ ...given.proposal, safeTxHash: '0x' + '11'.repeat(32) }))
said.badSignature = await failing(() => kit.confirmTransaction(hash, given.strangers))
console.log(JSON.stringify(said))
