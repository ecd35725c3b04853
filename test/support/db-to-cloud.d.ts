/** What is used of db-to-cloud here. */
declare module "db-to-cloud" {
  export interface Cloud {
    use(drive: object): void;
    init(): Promise<void>;
    uninit(): Promise<void>;
    put(id: string | number, revision: number): void;
    delete(id: string | number, revision: number): void;
    syncNow(peek?: boolean): Promise<void>;
    isInit(): boolean;
    drive(): { readonly name: string; getMeta(): Promise<{ lastChange?: number }> };
  }
  const package_: {
    dbToCloud(options: object): Cloud;
  };
  export default package_;
}
