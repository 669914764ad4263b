declare module 'virtual:contract' {
  const contract: import('../../contract/portal-contract.ts').PortalContract
  export default contract
}
